"""Words of English too common to tell products apart, for encoders that keep only so many words."""

# fmt: off
ENGLISH = (
    "a", "about", "above", "after", "again", "against", "all", "also", "am", "an", "and", "any",
    "are", "as", "at", "be", "because", "been", "before", "being", "below", "between", "both",
    "but", "by", "can", "could", "did", "do", "does", "doing", "don", "down", "during", "each",
    "either", "else", "ever", "every", "few", "for", "from", "further", "get", "had", "has",
    "have", "having", "here", "how",
    "i", "if", "in", "into", "is", "it", "its", "itself", "just", "let", "ll", "may", "me",
    "might", "more", "most", "must", "my", "myself", "neither", "no", "nor", "not", "now", "of",
    "off", "on", "once", "only", "or", "other", "our", "ours", "ourselves", "out", "over",
    "own", "per", "re", "same", "shall", "should", "since", "so", "some", "such",
    "than", "that", "the", "their", "theirs", "them", "themselves", "then", "there",
    "these", "they", "this", "those", "through", "thus", "to", "too", "under", "until", "up",
    "upon", "us", "ve", "very", "via", "was", "we", "were", "what", "when", "where", "whether",
    "which", "while", "who", "whom", "whose", "why", "will", "with", "within", "without",
    "would", "yet", "you", "your", "yours", "yourself", "yourselves",
)
# fmt: on
"""Function words that say nothing of a product. "Her" and "his" do, and the s and t of sizes and t-shirts."""
