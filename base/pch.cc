// Belongs to the precompiled header.
