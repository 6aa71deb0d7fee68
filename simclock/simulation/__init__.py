"""One run assembled: clock, scheduler, boundary, promises and trace."""
