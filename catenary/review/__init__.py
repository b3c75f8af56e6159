"""The web application of the reviewers."""
