"""Other tools' records as exchanges, one after another; credentials in them are masked.

A reader yields what it can read and, for each entry that it cannot, a `LeftOut` that says where and
why. What is no record of its kind at all raises `CaptureError`.
"""
