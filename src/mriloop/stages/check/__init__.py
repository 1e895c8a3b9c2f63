"""CHECK: is this series good enough, why not, and what to do about it."""
