"""DICOM and NIfTI in, DICOM out. The only place that knows LPS."""
