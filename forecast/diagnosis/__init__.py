"""The doctor: gradient flow, spectra, gates and units of a recurrent model, and plain advice with numbers.

Tensors in, findings out: it reads no file and knows no pipeline. ``diagnose`` does it all; the parts stand alone too.
"""

from forecast.diagnosis.examination import diagnose
from forecast.diagnosis.findings import Diagnosis
from forecast.diagnosis.flow import Flow, flow
from forecast.diagnosis.gates import Gate, Units, gates, units
from forecast.diagnosis.learning import Learning
from forecast.diagnosis.passage import Passage, passed, squared
from forecast.diagnosis.spectrum import growth, radii, radius
from forecast.diagnosis.strange import Strange, strange

__all__ = [
    "Diagnosis",
    "Flow",
    "Gate",
    "Learning",
    "Passage",
    "Strange",
    "Units",
    "diagnose",
    "flow",
    "gates",
    "growth",
    "passed",
    "radii",
    "radius",
    "squared",
    "strange",
    "units",
]
