"""Stages: ingest, train, compare, gate, issue, verify, check, study; the one room that joins the others."""
