# The stick has the operator's key beside the backup.
cp operator.age /media/stick/
