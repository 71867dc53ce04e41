"""SGLang: how calls reach it, and its own environment, in which it is installed and launched."""
