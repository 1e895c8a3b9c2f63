"""The nouns of mriloop: frozen values that every room speaks of and that import nothing of ours."""
