"""What `truststore run` has Pythons import at their start: this folder is the first of PYTHONPATH then. Nobody imports it as a package."""
