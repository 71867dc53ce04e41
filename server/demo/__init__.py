"""The main job as a person sees it: an agent finds a tool, pays, is answered and checks the proof.

A client of the server like any other: it imports the official client libraries, and from the server only
what a caller has (docs, the admin socket, the offline verification).
"""
