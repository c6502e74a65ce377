"""What a distribution's package has besides the wheel: completion for shells, and a manual page. All of it is made from the parser."""
