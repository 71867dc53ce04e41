"""The scenes that things are set into: sky, land, water, rooms, space, all drawn here."""
