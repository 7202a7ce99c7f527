"""Studies: experiments of the literature as many small trainings (contract: base.py)."""

STUDIES = {
    "generator": "forecast.studies.generator:Generator",
    "gradients": "forecast.studies.gradients:Gradients",
    "sine": "forecast.studies.sine:Sine",
}
