# A zone's CA with one node, as docs/keys.md makes them.
stopline keys init --ca ~/north-centre --region north --zone centre
stopline keys node junction-1 --ca ~/north-centre --out junction-1/
