"""Breaks a real service in every way there is, and looks whether anything was lost."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
BUILD = PROJECT / "build" / "chaos"
