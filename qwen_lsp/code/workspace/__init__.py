"""The files of a workspace: which there are, which are ignored, which are private."""
