"""How a model is made from a catalog: what is asked, who learns, what held-out scores teach."""
