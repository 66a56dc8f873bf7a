"""What happens to jobs, told as Server-Sent Events to clients that hold no thread."""

HANG_UP = "voicemill.hang_up"  # in the scope: ends the connection at once, whatever lies unsent
