"""Studies: experiments of the literature as many small trainings (contract: base.py)."""

STUDIES = {
    "gradients": "forecast.studies.gradients:Gradients",
    "sine": "forecast.studies.sine:Sine",
}
