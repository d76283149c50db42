"""The older systems' own forms, where DITA's differ on purpose: thin faces of the same kernel."""
