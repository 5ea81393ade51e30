"""The documentation as pages of the service, under /help/: built from docs/ when static files are collected."""
