"""Kimitap: records what an LLM agent and its server say, and shows where the conversation broke."""

__version__ = "0.1.0"
