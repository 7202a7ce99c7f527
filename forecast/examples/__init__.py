"""Pipelines ready to run, one TOML file each; ``forecast demo`` runs the first two, the README the third."""
