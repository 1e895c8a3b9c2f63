"""Guidelines, protocols, norms and letter templates from YAML, with the site's overlay."""
