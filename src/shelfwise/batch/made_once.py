"""Imported by the server of processes alone: tables of all characters are made once, before workers are forked.

Made at their first use they would be made by each worker, which takes longer than its first thousand products.
"""

import pyarrow as pa
import pyarrow.compute as pc

from shelfwise.encoders.hashing import word_characters

pc.utf8_trim_whitespace(pa.array([" "]))
word_characters()
