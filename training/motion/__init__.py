"""Trains the model that reads motion in millimetres from one volume; see README.md beside this file."""
