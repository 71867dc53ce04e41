"""What is kept about calls beside their charge and their proof: spans of traces."""
