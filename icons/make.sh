#!/bin/sh
# Draws all icons from app.svg and tray.svg. Wants rsvg-convert, ImageMagick and png2icns.
# Trays need 8-bit RGBA: with 16 bits some show nothing, and say nothing.
set -eu
cd "$(dirname "$0")"

draw() { # svg, size, png
  rsvg-convert -w "$2" -h "$2" "$1" | convert png:- -depth 8 -strip "PNG32:$3"
}

draw app.svg 32 32x32.png
draw app.svg 128 128x128.png
draw app.svg 256 128x128@2x.png
draw app.svg 512 icon.png
draw tray.svg 64 tray-template.png

for size in 16 32 48 256; do draw app.svg $size "ico-$size.png"; done
convert ico-16.png ico-32.png ico-48.png ico-256.png icon.ico
rm ico-*.png
for size in 16 32 128 256 512; do draw app.svg $size "icns-$size.png"; done
png2icns icon.icns icns-16.png icns-32.png icns-128.png icns-256.png icns-512.png > /dev/null
rm icns-*.png
cp app.svg ../ui/public/icon.svg
