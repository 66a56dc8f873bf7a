"""Events told to whoever asked: endpoints, what is due to each, and its sending."""
