#!/usr/bin/env bash
# Makes flight.h264, what the simulated Tello's camera sees: two seconds that join at their ends, drawn
# here and encoded as the drone does it: H.264 baseline, 960x720, 30 frames a second, parameter sets
# with each key frame, a key frame each 15. Needs ffmpeg with libx264 and the font DejaVu Sans Mono.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# The horizon sways, a hangar and a tree stand on it, a pad lies before it.
sway='40*sin(PI*t)'
drift='160*sin(PI*t)'
scene="color=c=0x87b5e0:s=1200x900:r=30:d=2,format=yuv420p"
scene+=",drawbox=x=0:y=450:w=1200:h=450:color=0x5d8a45:t=fill"
scene+=",drawbox=x=0:y=446:w=1200:h=4:color=0x33502a:t=fill"
scene+=",drawbox=x=850:y=170:w=90:h=90:color=0xf6e08a:t=fill"
scene+=",drawbox=x=330:y=380:w=150:h=70:color=0x9a5b46:t=fill"
scene+=",drawbox=x=380:y=410:w=50:h=40:color=0x3a2a24:t=fill"
scene+=",drawbox=x=640:y=360:w=20:h=90:color=0x5b4330:t=fill"
scene+=",drawbox=x=610:y=310:w=80:h=70:color=0x2f5d33:t=fill"
scene+=",drawbox=x=520:y=600:w=160:h=110:color=0xe8e8e8:t=fill"
view="crop=960:720:x='120+$drift/2':y='90+$sway'"
# What a pilot's display has: a cross, and the count of the frames.
display="drawbox=x=440:y=358:w=80:h=4:color=white:t=fill,drawbox=x=478:y=320:w=4:h=80:color=white:t=fill"
text="font=DejaVu Sans Mono:fontcolor=white:fontsize=34"
display+=",drawtext=$text:x=24:y=24:text='SOCKPIT SIMULATED DRONE'"
display+=",drawtext=$text:x=24:y=660:text='frame %{eif\\:n+1\\:d\\:2} of 60'"

ffmpeg -hide_banner -loglevel error -y -f lavfi -i "$scene" -vf "$view,$display" -an \
  -c:v libx264 -profile:v baseline -preset veryslow -crf 34 -g 15 -keyint_min 15 -sc_threshold 0 \
  -x264-params repeat-headers=1:slices=1:threads=1 \
  -bsf:v 'filter_units=remove_types=6' -f h264 flight.h264
