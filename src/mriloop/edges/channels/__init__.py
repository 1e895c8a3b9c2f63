"""What leaves the house: printed letters, calendars, messages."""
