"""The embedded illustrator: composes openly licensed vector art from a prompt. No neural image model."""
