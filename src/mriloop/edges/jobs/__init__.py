"""Steps run in their own process, with limits on time and memory."""
