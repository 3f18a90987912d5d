"""What a calibration computes: from weighings and indicator readings to a certificate's values.

Pure: no port, no file but the limits, no clock. The procedure and its doors stand above it.
"""
