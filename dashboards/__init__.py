"""The page: static files and what serves them. Its only source is the API that it is mounted on."""
