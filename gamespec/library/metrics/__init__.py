"""Metrics: functions of whole columns, one file a word."""
