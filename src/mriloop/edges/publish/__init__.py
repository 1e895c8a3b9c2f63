"""The self-contained result of a review: page, figures, JSON documents."""
