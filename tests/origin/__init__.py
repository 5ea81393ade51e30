"""The local media origin: real media over real HTTP on 127.0.0.1, and the ways in which sites misbehave."""
