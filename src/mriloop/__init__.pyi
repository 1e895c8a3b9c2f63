from mriloop.api import check_array as check_array
from mriloop.api import check_file as check_file
from mriloop.api import check_folder as check_folder
from mriloop.compare_api import align as align
from mriloop.compare_api import compare as compare
from mriloop.compare_api import compare_bids as compare_bids

__version__: str
