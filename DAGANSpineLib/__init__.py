"""DAGANSpine's library: restore ultrasound volume projection images of the spine and segment their bones."""
