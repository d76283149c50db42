"""A kernel as it is seen from outside: in a cluster, a log or shared memory; as text or on a screen."""
