mkdir -p /media/stick
