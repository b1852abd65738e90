"""Modules that stand on the path of trials only; `nni` among them, for scripts written for NNI."""
