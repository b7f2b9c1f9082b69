"""Engines without a model: none, demo, scripted for tests, playback of recorded answers."""
