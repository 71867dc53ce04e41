"""Words that change nothing in the picture: styles, opinions, fillers; and those that hide others."""

from typing import Final

from runtime.local.illustrator.listed import listed

NEGATIONS: Final = frozenset({"no", "zero", "without", "without any", "without a"})
COPULAS: Final = listed("is are was were painted colored coloured")

SWALLOWED: Final = frozenset(
    {"in the style of", "style of", "in style of", "inspired by", "art by", "made of", "made from"}
    | {"made out of", "made entirely of", "reminiscent of", "as if", "such as"}
)
"""What follows these is not drawn, up to the next comma or relation."""

_PARTS: Final = listed("slice piece chunk portion serving scoop kind type sort variety stack")
FILLERS: Final = listed(
    """
    at-the-camera at-the-viewer at-camera at-you at-us into-the-camera for-the-camera
    to-the-camera each-other at-each-other to-each-other at-it there here who which whose it they
    he she them him i you we very really quite so too just only also other as up down out off away
    while where when then being be been has had having will would can could may might do does
    doing make made making please draw paint generate create show me give want imagine all not but
    or
    """
) | frozenset(f"{part}{many} of" for part in _PARTS for many in ("", "s"))

ROWS: Final = frozenset(
    {"side by side", "hand in hand", "face to face", "back to back", "in rows", "in pairs"}
    | {f"in a {shape}" for shape in ("row", "line", "circle", "pile", "group", "queue", "herd")}
)
"""How many stand: they stand in a row anyway."""

ADDRESSES: Final = frozenset(
    {"once upon a time", "there was", "there were", "can i have", "can i get", "can you", "could you"}
    | {"i want", "i need", "i would like", "i'd like", "let us see", "pov", "on the side", "to the side"}
    | {"asleep", "awake", "alone", "together", "lived", "called", "named"}
)
"""How people ask and tell."""

OCCASIONS: Final = frozenset({"party", "birthday party", "picnic", "celebration", "tea party"})

DOINGS: Final = listed(
    """
    spell spells song songs story stories trick tricks photo photos selfie nap ride fun time break
    game games dream dreams joke jokes tune melody race walk work noise look turn
    """
)
"""What is done to these can't be seen: a wizard casting a spell is a wizard."""

BODY: Final = listed(
    """
    shoulder shoulders head lap back hand hands arm arms nose tail ear ears foot feet mouth beak
    paw paws face knee knees neck leg legs teeth tooth
    """
)
"""Parts that are not drawn apart from whose they are."""

FEATURES: Final = listed(
    """
    mane tail tails wing wings fur hair feather feathers stripe stripes spot spots scale scales
    tooth teeth claw claws horn horns whisker whiskers paw paws ear ears eye eyes leg legs smile
    expression face faces trunk beak fin fins hoof hooves antler antlers nose hand hands arm arms
    head body skin tentacles sails windows wheels roof petals leaves branches handle stem details
    background colors
    """
)
"""A thing "with" these is drawn as it is: they are parts of it."""

STYLES: Final = listed(
    """
    design designs graphic graphics theme themed mood atmosphere tone colors colours drawn artistic
    photo photograph photography photorealistic photorealism realistic realism hyperrealistic
    hyperreal picture image illustration drawing sketch painting watercolor watercolour oil acrylic
    gouache pastel charcoal ink portrait still-life render rendering rendered 3d 2d cgi cartoon
    anime manga comic pixar disney ghibli studio-ghibli vector flat clipart icon logo sticker emoji
    minimalist minimalistic minimal abstract surreal surrealist surrealism impressionist
    impressionism expressionist cubist cubism art artwork artstation deviantart digital concept
    masterpiece detailed intricate hd uhd 4k 8k 16k hdr 1080p quality resolution ultra sharp focus
    bokeh blurred blurry lighting cinematic dramatic volumetric soft backlit macro closeup
    wide-angle wide angle shot view scene composition perspective aesthetic style styled stylized
    vintage retro vaporwave cyberpunk steampunk futuristic isometric pixel pixelated lowpoly
    low-poly poly voxel monochrome sepia vibrant vivid saturated muted trending award winning best
    unreal engine octane ray-tracing raytraced blender vray nikon canon 35mm 50mm 85mm grain
    polaroid fisheye tilt-shift poster postcard print mosaic collage origami stencil graffiti mural
    doodle storybook caricature highly extremely super incredibly ornate professional
    """
)
STYLE_HEADS: Final = listed(
    """
    photo photograph picture image illustration drawing sketch painting portrait render rendering
    depiction representation cartoon vector icon logo sticker poster concept artwork closeup view
    shot scene rendition snapshot watercolor watercolour print idea
    """
)
"""``a photo of ...``: these words name the picture itself where "of" follows."""

ADJECTIVES: Final = listed(
    """
    cute adorable happy sad angry funny silly playful beautiful pretty lovely gorgeous stunning
    ugly scary spooky creepy haunted evil friendly kind gentle wise brave fierce wild tame young
    old ancient aged new modern rusty shiny glossy matte metallic wooden plastic steel glowing
    glittering sparkling sparkly luminous bright dark pale light heavy hard fluffy furry hairy
    woolly wooly spiky smooth rough curly striped spotted dotted checkered plaid colorful
    colourful cozy cosy warm cool cold hot icy frozen frosty wet dry muddy dusty dirty clean fresh
    ripe juicy tasty delicious yummy sweet sour spicy salty bitter crunchy fried baked grilled
    steaming boiling melting melted open closed empty full broken cracked old-fashioned antique
    classic elegant fancy royal majestic noble magical magic mystical enchanted mythical legendary
    epic heroic famous lonely lone proud calm peaceful quiet serene silent sleepy tired awake
    excited surprised curious clever smart lazy busy fast quick slow strong weak fat chubby plump
    thin slim skinny slender long round curved straight tropical exotic domestic stray lost hungry
    thirsty smiling laughing grinning crying sleeping burning exploding rising setting shining
    falling dangling hanging resting dreamy romantic festive regular normal typical simple plain
    solid nice good great perfect amazing awesome fantastic wonderful incredible mighty powerful
    tough rugged polished crystal transparent translucent reflective sleek cartoonish kawaii chibi
    fantasy medieval victorian gothic rustic rural urban suburban traditional oriental western
    eastern northern southern african asian european american japanese chinese indian mexican
    egyptian british french italian german spanish dutch russian english irish scottish persian
    siamese bengal lush overgrown leafy sunlit shady windy breezy lively cheerful joyful merry
    jolly grumpy mean naughty mischievous loyal faithful innocent dangerous deadly poisonous
    venomous toxic mysterious strange weird odd unusual rare unique special beloved favorite
    favourite distant faraway double triple sideways upright lean grand lavish luxurious expensive
    cheap rich poor humble tidy messy neat male female adult elderly teenage newborn electric
    wonky sunken abandoned deserted ruined hidden secret sacred holy
    """
)
