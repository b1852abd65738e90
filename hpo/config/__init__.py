"""An experiment's settings: read from a file of either of NNI's generations, or given as options."""
