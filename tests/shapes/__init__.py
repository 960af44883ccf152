"""Modules that grow in one respect: what a pass does must grow no faster than they do."""
