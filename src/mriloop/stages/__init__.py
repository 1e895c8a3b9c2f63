"""The six verbs: pure functions over the nouns of the model. None imports another."""
