"""Why a certificate cannot be issued, found or printed."""

from controller.errors import CalibrationError


class NotIssuable(CalibrationError):
    """Something is missing for a certificate of this pen."""

    number = 7090
    cause = "A calibration is missing, too old, refused, or of the pen as it was before a change."
    action = "Do what the sentence names; `micropen calibrate status` shows what is missing."


class UnknownCertificate(CalibrationError):
    """No certificate of this id is in the journal."""

    number = 7091
    cause = "The id is misspelt, or the certificate is of another journal or a file of the config."
    action = "See `micropen calibrate certificate list`."


class NoReportExtra(CalibrationError):
    """The package that makes PDFs is not installed."""

    number = 7092
    cause = "This program was installed without its extra `report`."
    action = "Install `micropen[report]`; the JSON beside it is the whole certificate."


class PdfNotMade(CalibrationError):
    """The process that makes the PDF did not come to its end."""

    number = 7093
    cause = "The disk is full, the folder cannot be written, or this computer is overloaded."
    action = "Put right what the sentence names, then export again; the JSON holds everything."
