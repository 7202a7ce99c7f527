"""Studies: experiments of the literature, each a file with ``run(seeds, ...) -> Dataset``."""
