"""Pure numerics: arrays in, arrays or quantities out."""
