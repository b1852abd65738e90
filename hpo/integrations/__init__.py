"""Callbacks for training frameworks: each reports results on the way, and does nothing else.

Each framework has a module of its own here, which imports it:
``from hpo.integrations.xgboost import Report``. The final result stays the script's to report.
"""
