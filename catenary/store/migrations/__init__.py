"""The steps that bring a workspace of any release to the newest form."""
